"""Requests of individuals about their own records: notification, access, amendment (5 U.S.C. 552a(d), (f); 20 CFR part 401).

Pure are: who has to prove what (`identity`), which act leads from which state to which (`states`), by when (`clocks`),
whether this is the right door (`doors`), why something may be withheld (`grounds`), how copies go (`copies`), what is
written to the person (`letters`). What a lawyer reads lies in `law/` as YAML. What is done with a request stands in one
file for each part of its way, from `intake` to `informing`, and never opens a transaction or commits one.
"""
