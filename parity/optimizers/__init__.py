"""torch.optim beside Optax: what trains something else, and what does the same.

`rows` says what stands beside what, `measured` how far apart each pair is, `page` says it in Markdown;
`brief` is a cut that each run measures anew.
"""

from .brief import BRIEF as BRIEF, Beside as Beside, brief as brief
from .measured import Distance as Distance, Measured as Measured, clipping as clipping, measure as measure
from .page import ANOTHER as ANOTHER, page as page
from .rows import CLIPPED as CLIPPED, RATE as RATE, ROWS as ROWS, Clipped as Clipped, Row as Row
