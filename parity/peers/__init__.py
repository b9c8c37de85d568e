"""jaxsched beside others: who has which scheduler, and how far each is from what it stands for.

`libraries` lists who is asked, `measured` how far each is from the reference, `page` says it in Markdown.
"""

from .libraries import PEERS as PEERS
from .measured import Found as Found, Row as Row, Tried as Tried, measure as measure
from .page import page as page, short as short
from .peer import Candidate as Candidate, Peer as Peer
