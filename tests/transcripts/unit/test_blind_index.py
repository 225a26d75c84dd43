import pytest

from transcripts.model import blind
from transcripts.settings import TranscriptsSettings


def test_equal_numbers_are_found_under_one_key_and_kind_only() -> None:
    assert blind(b"k", "pin", "100001") == blind(b"k", "pin", "100001")
    others = {blind(b"k", "pin", "100002"), blind(b"other", "pin", "100001"), blind(b"k", "account", "100001")}
    assert blind(b"k", "pin", "100001") not in others
    assert b"100001" not in blind(b"k", "pin", "100001")


def test_outside_the_embedded_profile_the_service_does_not_start_without_its_key() -> None:
    with pytest.raises(ValueError, match="MUNIMENT_BLIND_KEY"):
        TranscriptsSettings(profile="standard").index_key()
    assert TranscriptsSettings(profile="standard", blind_key="chosen").index_key() == b"chosen"
    assert TranscriptsSettings(profile="embedded").index_key()
