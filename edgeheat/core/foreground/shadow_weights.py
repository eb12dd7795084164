"""The weights by which the shadow classifier tells a person from light.

Written by `python -m benchmarks.fidelity.train_shadows --write`, which fits them; docs/fidelity.md says on what.
"""

from __future__ import annotations

from edgeheat.core.foreground.shadow_evidence import ShadowWeights

COLOUR = ShadowWeights(
    constant=-2.47,
    darker=4.5,
    brighter=3.26,
    rough=4.71,
    rough_change=-2.28,
    colour=2.42,
    tinted=-1.25,
    tinted_colour=0.35,
)
"""For pictures with colour."""

GREY = ShadowWeights(
    constant=-2.04,
    darker=4.29,
    brighter=8.88,
)
"""For pictures without colour, as in infra-red, in which the sun does not shine."""
