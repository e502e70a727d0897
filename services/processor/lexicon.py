"""Words of financial news that VADER's lexicon lacks or means otherwise, each with its valence.

Valences are VADER's: -4 to 4. The words are those that Loughran and McDonald ("When Is a Liability
Not a Liability?", Journal of Finance 66, 2011) list as positive or negative in finance, and the
verbs of markets; words of theirs that mean nothing bad there (liability, tax, cost) are left out.
"""

FINANCIAL = {
    **dict.fromkeys(("beat", "beats", "outperform", "outperforms", "outperformed"), 1.9),
    **dict.fromkeys(("upgrade", "upgrades", "upgraded", "bullish", "rebound", "rebounds"), 1.8),
    **dict.fromkeys(("surge", "surges", "surged", "soar", "soars", "soared", "rally"), 2.2),
    **dict.fromkeys(("rallies", "rallied", "jump", "jumps", "jumped", "record-high"), 1.7),
    **dict.fromkeys(("buyback", "buybacks", "tops", "topped", "uptick", "upbeat"), 1.3),
    **dict.fromkeys(("rise", "rises", "rose", "climb", "climbs", "climbed", "gains"), 1.1),
    **dict.fromkeys(("downgrade", "downgrades", "downgraded", "bearish", "downturn"), -1.8),
    **dict.fromkeys(("plunge", "plunges", "plunged", "plummet", "plummets", "plummeted"), -2.5),
    **dict.fromkeys(("slump", "slumps", "slumped", "tumble", "tumbles", "tumbled"), -2.2),
    **dict.fromkeys(("selloff", "sell-off", "rout", "recession", "stagflation"), -2.2),
    **dict.fromkeys(("bankruptcy", "bankrupt", "insolvency", "insolvent", "default"), -3.0),
    **dict.fromkeys(("defaults", "defaulted", "delisted", "delisting", "writedown"), -2.3),
    **dict.fromkeys(("miss", "misses", "missed", "underperform", "underperforms"), -1.6),
    **dict.fromkeys(("layoff", "layoffs", "recall", "recalls", "recalled", "probe"), -1.4),
    **dict.fromkeys(("fall", "falls", "fell", "drop", "drops", "dropped", "slide", "slides"), -1.2),
    **dict.fromkeys(("slid", "sink", "sinks", "sank", "dip", "dips", "dipped", "decline"), -1.2),
    **dict.fromkeys(("declines", "declined", "shortfall", "headwinds", "volatile"), -1.1),
    # Common words whose everyday feeling is none in finance.
    **dict.fromkeys(("share", "shares", "vice", "interest", "gross", "trust", "united"), 0.0),
}
