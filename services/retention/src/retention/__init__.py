"""The register of every record, and the question whether one may be disposed of: not before an approved authority says so,
and today none does. Records themselves stay with the service that owns them; nothing in here can destroy one.
"""
