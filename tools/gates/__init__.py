"""The gates of tools/check: each module is one family, each gate a function of a Tree."""
