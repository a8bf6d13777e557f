"""Which limited additional checks does the host market require of a broker registered at home?

The modules are listed in the order in which they may import, which is the order to read them in:

words   errors recall outcome values canonical source conditions calendars provenance vocabulary authorities facts sentences findings catalogue derivations situation understanding proposal fact_fields schemas
law     rulebook corrections placement cases deadlines amounts reader scenarios clauses index agreement compiler laws bundle archive
answer  listing plan decision reach reasons trial deciding missing caveats grounds explain comparison seal store cache asked_by answer service publish review lawpage
proofs  keys receipt verification today renewal
edges   origin access settings proof problems paths replies negotiation counts metrics logs witness tracing shadow front spool batch shapes openapi
form    wording journey questions result diagram memo form
doors   api receipts_api receipts_page app embedded worker server terminal receipts_cli cli client
"""

__version__ = "1.0.0"
