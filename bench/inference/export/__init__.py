"""Networks that leave the suite: a graph a step, or weights, each with a card that says how they are used."""
