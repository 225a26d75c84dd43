import asyncpg
from production import ssn
async def test_m(service_db):
    url = await service_db("production")
    c = await asyncpg.connect(url)
    from importlib import import_module
    import timeit, time
    for t in ["123-45-6789","123 45 6789","123456789","Smith 123-45-6789 x","EAC1234567890","A123456789","A-123456789","SSA-123456789","000-12-3456","666-12-3456","900-12-3456","123-00-4567","123-45-0000","0190a1b2-1234-7abc-8def-123456789012","2026-11-22T01:30:00.123456789Z","12345-6789","ssn123456789","A#123456789", "a 123456789","1234567890","0.123456789","x A-123456789","a\n123\t45-6789"]:
        assert await c.fetchval("select holds_ssn($1)", t) == ssn.holds_ssn(t), t
    t=time.time()
    n = await c.fetchval("select count(*) from generate_series(1,100000) g where holds_ssn('chat '||g||' handled|regular|resolved|S01|R1|100001|EAC1234567890|/muniment/chat')")
    print(n, (time.time()-t)/1e5*1e6,"us")
    await c.close()
    for q in ["'x '||g", "holds_ssn('chat '||g||' handled|regular|resolved|S01|R1|100001|EAC1234567890|/muniment/chat')", "('chat '||g||' handled|regular|resolved|S01|R1|100001|EAC1234567890|/muniment/chat') ~ '[0-9]{9}'", "('chat '||g||' handled|regular|resolved|S01|R1|100001|EAC1234567890|/muniment/chat') ~ 'x?'"]:
      c = await asyncpg.connect(url)
      for _ in range(2):
        t=time.time(); n = await c.fetchval(f"select count({q}) from generate_series(1,100000) g"); print(q, n, (time.time()-t)/1e5*1e6,"us")
