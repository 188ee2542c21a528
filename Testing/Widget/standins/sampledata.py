"""Stand-in of the Sample Data module: it keeps what is registered, and runs a custom downloader when asked."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import slicer


class SampleDataLogic:
    """The registry that other modules add their samples to."""

    @staticmethod
    def registerCustomSampleDataCategory(category, title):
        _registry("sampleDataSourceCategories").setdefault(category, {})["title"] = title

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
        loadFileType=None,
    ):
        source = SimpleNamespace(sampleName=sampleName, nodeNames=nodeNames, customDownloader=customDownloader)
        _registry("sampleDataSources").setdefault(category, []).append(source)


def _registry(name: str) -> dict:
    if not hasattr(slicer.modules, name):
        setattr(slicer.modules, name, {})
    return getattr(slicer.modules, name)


def download(category: str, sample_name: str):
    """Do what a click on the sample's picture does."""
    source = next(s for s in _registry("sampleDataSources")[category] if s.sampleName == sample_name)
    return source.customDownloader(source)


def install() -> None:
    """Make `import SampleData` work."""
    if "SampleData" not in sys.modules:
        module = ModuleType("SampleData")
        module.SampleDataLogic = SampleDataLogic
        sys.modules["SampleData"] = module
