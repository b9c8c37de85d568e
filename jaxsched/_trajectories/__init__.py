"""Trajectories out of files: what another program, or another machine, has computed or logged."""

from .log import LARGEST as LARGEST, Logged as Logged, log as log, read as read
