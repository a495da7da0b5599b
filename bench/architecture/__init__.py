"""Architecture search: blocks of a network are chosen out of candidates, before the network is trained."""
