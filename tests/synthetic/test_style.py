import pytest

from genre.synthetic.style import SCALES


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_scale_ascends_from_the_root_within_an_octave(scale: tuple[int, ...]) -> None:
    assert scale[0] == 0
    assert list(scale) == sorted(set(scale))
    assert scale[-1] < 12
    assert len(scale) == 7  # chord degrees are the same in all scales
