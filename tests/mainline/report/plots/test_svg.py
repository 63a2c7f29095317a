import subprocess
import sys

SCRIPT = """
import sys
from matplotlib import artist
from mainline.report.plots import svg
listing = artist.kwdoc
with svg.styled():
    from matplotlib.figure import Figure
    figure = Figure()
    figure.add_axes((0, 0, 1, 1)).set(xlabel="share")
    assert "share" in svg.written(figure, "plot", "Shares")
from matplotlib.lines import Line2D
assert "antialiased" not in Line2D.set.__doc__ and "antialiased" in listing(Line2D)
assert artist.kwdoc is listing
"""


def test_matplotlib_draws_without_the_lists_of_its_docstrings_which_it_can_write_again() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
