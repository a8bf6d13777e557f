"""Which limited additional checks does the host market require of a broker registered at home?

The modules are listed in the order in which they may import, which is the order to read them in:

words   errors memo outcome values canonical source conditions calendars facts catalogue situation schemas
law     rulebook placement cases reader scenarios clauses index compiler laws
answer  listing plan decision reasons trial missing caveats explain comparison seal store cache service publish review lawpage
edges   settings proof problems replies front spool batch openapi api app embedded server cli
"""

__version__ = "1.0.0"
