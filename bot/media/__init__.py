"""Any video in, a fit clip out: fetch safely, look, prepare, join, fit. ffmpeg runs apart and bounded."""

from bot.media.errors import DownloadFailed, UnknownHost, UnusableVideo
from bot.media.fetch import Downloader
from bot.media.ffmpeg import Ffmpeg, FfmpegResult, Purpose
from bot.media.fit import compress
from bot.media.fitness import rejection, too_short
from bot.media.folder import Workspaces
from bot.media.handing import is_direct_url
from bot.media.join import JoinResult, SourceClip, is_complete, join
from bot.media.plain import doubts
from bot.media.poster import make_thumbnail, probe_with_thumbnail
from bot.media.prepare import Prepared, prepare
from bot.media.probe import ProbeResult, probe, probe_details
from bot.media.shelf import FilmStore
from bot.media.shelves import S3Settings, StorageError, open_film_store

__all__ = [
    "DownloadFailed",
    "Downloader",
    "Ffmpeg",
    "FfmpegResult",
    "FilmStore",
    "JoinResult",
    "Prepared",
    "ProbeResult",
    "Purpose",
    "S3Settings",
    "SourceClip",
    "StorageError",
    "UnknownHost",
    "UnusableVideo",
    "Workspaces",
    "compress",
    "doubts",
    "is_complete",
    "is_direct_url",
    "join",
    "make_thumbnail",
    "open_film_store",
    "prepare",
    "probe",
    "probe_details",
    "probe_with_thumbnail",
    "rejection",
    "too_short",
]
