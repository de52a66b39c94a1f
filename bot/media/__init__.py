"""Any video in, a fit clip out: fetch safely, look, prepare, join, fit. ffmpeg runs apart and bounded."""

from bot.media.errors import Unfit, UnknownHost, Unreachable
from bot.media.fetch import Fetcher
from bot.media.ffmpeg import Ffmpeg, Ran, Work
from bot.media.fit import fit
from bot.media.fitness import too_short, unfit
from bot.media.folder import Folders
from bot.media.handing import can_be_handed_on
from bot.media.join import Joined, Kept, is_right, join
from bot.media.plain import doubts
from bot.media.poster import look_with_poster, poster
from bot.media.prepare import Prepared, prepare
from bot.media.probe import Look, look, probe
from bot.media.shelf import Shelf
from bot.media.shelves import Bucket, BucketUnusable, shelf_at

__all__ = [
    "Bucket",
    "BucketUnusable",
    "Fetcher",
    "Ffmpeg",
    "Folders",
    "Joined",
    "Kept",
    "Look",
    "Prepared",
    "Ran",
    "Shelf",
    "Unfit",
    "UnknownHost",
    "Unreachable",
    "Work",
    "can_be_handed_on",
    "doubts",
    "fit",
    "is_right",
    "join",
    "look",
    "look_with_poster",
    "poster",
    "prepare",
    "probe",
    "shelf_at",
    "too_short",
    "unfit",
]
