"""Media work: download, probe, prepare, join and compress videos. ffmpeg runs in bounded child processes."""

from bot.media.compress import compress
from bot.media.conformance import find_problems
from bot.media.direct_url import is_direct_url
from bot.media.download import Downloader
from bot.media.errors import DownloadFailed, MediaError, StorageError, TookTooLong, UnknownHost, UnusableVideo
from bot.media.ffmpeg.probe import ProbeResult, probe, probe_details
from bot.media.ffmpeg.process import Ffmpeg, FfmpegResult, Purpose
from bot.media.join import JoinResult, SourceClip, is_complete, join
from bot.media.prepare import Prepared, prepare
from bot.media.requirements import find_length_problem, find_rejection
from bot.media.storage.file_listing import measure_folder
from bot.media.storage.film_store import FilmStore, S3Settings
from bot.media.storage.open import open_film_store
from bot.media.storage.workspace import Workspaces
from bot.media.thumbnail import make_thumbnail, probe_with_thumbnail

__all__ = [
    "DownloadFailed",
    "Downloader",
    "Ffmpeg",
    "FfmpegResult",
    "FilmStore",
    "JoinResult",
    "MediaError",
    "Prepared",
    "ProbeResult",
    "Purpose",
    "S3Settings",
    "SourceClip",
    "StorageError",
    "TookTooLong",
    "UnknownHost",
    "UnusableVideo",
    "Workspaces",
    "compress",
    "find_length_problem",
    "find_problems",
    "find_rejection",
    "is_complete",
    "is_direct_url",
    "join",
    "make_thumbnail",
    "measure_folder",
    "open_film_store",
    "prepare",
    "probe",
    "probe_details",
    "probe_with_thumbnail",
]
