"""How the real clients are made to talk to a stand-in: in this process, or in another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.standin.server import StandIn

_NEVER_SENT = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")
"""Variables that would lead a client to a developer's own token or cache."""


def environment(hub: StandIn, folder: Path) -> dict[str, str]:
    """Variables for a process that is to talk to the hub and to nothing else, with its caches below `folder`: they go over
    those of `os.environ`."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder),
        "HF_HUB_CACHE": str(folder / "hub"),
        "HF_DATASETS_CACHE": str(folder / "datasets"),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_TOKEN_PATH": str(folder / "token"),
        "HF_TOKEN": "",
        "HF_HUB_OFFLINE": "0",
        "HF_DATASETS_OFFLINE": "0",
        "TRANSFORMERS_OFFLINE": "0",
        # What would be asked of other hosts than the hub, or not over plain HTTP.
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        "DISABLE_SAFETENSORS_CONVERSION": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


@contextmanager
def online(hub: StandIn, folder: Path, *, patient: bool = True) -> Iterator[StandIn]:
    """Makes the clients of this process, and of processes that it starts meanwhile, talk to the hub, with their caches below
    `folder`, although they were imported offline. Afterwards all is as before.

    patient: whether the clients of this process wait before they try again; with a hub that is away they do so for 23 seconds
    a file.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in _NEVER_SENT:
            patch.delenv(name, raising=False)
        for name, value in environment(hub, folder).items():
            if name not in _NEVER_SENT:
                patch.setenv(name, value)
        _patch_hub(patch, hub.url, folder)
        _patch_datasets(patch, hub.url, folder)
        _patch_transformers(patch)
        if not patient:
            _patch_waits(patch)
        forget()
        try:
            yield hub
        finally:
            forget()


def forget() -> None:
    """Drops what the clients of this process remember between calls: open connections, and listings of repositories."""
    from huggingface_hub import HfFileSystem
    from huggingface_hub.utils import close_session

    close_session()
    HfFileSystem.clear_instance_cache()


def _patch_hub(patch: pytest.MonkeyPatch, url: str, folder: Path) -> None:
    from huggingface_hub import constants, hf_api
    from huggingface_hub.utils import _cache_manager, _detect_agent, _http

    values = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_URL_HOSTS": constants.HF_URL_HOSTS | {"127.0.0.1"},
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HOME": str(folder),
        "HF_HUB_CACHE": str(folder / "hub"),
        "HUGGINGFACE_HUB_CACHE": str(folder / "hub"),
        "HF_ASSETS_CACHE": str(folder / "assets"),
        "HF_TOKEN_PATH": str(folder / "token"),
        "HF_STORED_TOKENS_PATH": str(folder / "stored_tokens"),
        "AGENT_HARNESSES_PATH": str(folder / ".agent_harnesses.json"),
    }
    for name, value in values.items():
        patch.setattr(constants, name, value)
    # Copies that were made when these modules were imported.
    patch.setattr(hf_api.api, "endpoint", url)
    patch.setattr(_cache_manager, "HF_HUB_CACHE", str(folder / "hub"))
    patch.setattr(_http, "_HUB_ORIGINS", _http._HUB_ORIGINS | {_http._url_origin(url)})
    # Asked once a process, so that the first test to run would see a request more than the others.
    patch.setattr(_detect_agent, "_registry", _detect_agent._EMPTY_REGISTRY)


def _patch_datasets(patch: pytest.MonkeyPatch, url: str, folder: Path) -> None:
    from datasets import config

    downloads = folder / "datasets" / "downloads"
    values = {
        "HF_ENDPOINT": url,
        "HUB_DATASETS_URL": url + "/datasets/{repo_id}/resolve/{revision}/{path}",
        "HF_HUB_OFFLINE": False,
        "HF_DATASETS_OFFLINE": False,
        "HF_CACHE_HOME": str(folder),
        "HF_DATASETS_CACHE": folder / "datasets",
        "HF_MODULES_CACHE": folder / "modules",
        "DOWNLOADED_DATASETS_PATH": downloads,
        "EXTRACTED_DATASETS_PATH": downloads / "extracted",
        "HF_UPDATE_DOWNLOAD_COUNTS": False,
        # It is asked of a third host, `datasets-server.` and the name of the hub, which does not exist here.
        "USE_PARQUET_EXPORT": False,
    }
    for name, value in values.items():
        patch.setattr(config, name, value)


def _patch_transformers(patch: pytest.MonkeyPatch) -> None:
    from transformers.utils import hub

    # Made on first use, with the address of that time.
    patch.setattr(hub, "_hf_api", None)


def _patch_waits(patch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import file_download
    from huggingface_hub.utils import _http

    # They use nothing else of the module.
    hurried = SimpleNamespace(sleep=lambda seconds: None)
    for module in (_http, file_download):
        patch.setattr(module, "time", hurried)
