"""Which limited additional checks does the host market require of a broker registered at home?

The modules are listed in the order in which they may import, which is the order to read them in:

words   errors outcome values canonical source conditions calendars facts situation schemas
law     rulebook placement cases reader scenarios index compiler laws
answer  plan decision reasons missing caveats explain comparison seal store cache service publish review lawpage
edges   access settings proof problems replies metrics logs witness shadow front spool batch openapi api app embedded server cli client
"""

__version__ = "1.0.0"
