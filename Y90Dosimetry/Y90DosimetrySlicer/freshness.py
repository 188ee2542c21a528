"""Whether a dose still belongs to what the scene holds now, and in words why not."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import SimpleITK as sitk
from slicer.i18n import tr as _

from Y90DosimetryLib.case import Settings

from .cases import Sources, imageOf
from .parameters import Parameters, rolesOf, segmentName

PLACE_DIGITS = 4
"""Decimals of millimeters and of direction cosines that count: a saved file rounds the rest."""


class Fingerprints:
    """What a dose is computed from, as short texts; voxels are read again only when they changed."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._kept: dict[int, tuple[object, str]] = {}
        self._used: dict[int, tuple[object, str]] = {}

    def of(self, parameters: Parameters) -> dict[str, dict[str, str]]:
        """Return a fingerprint and a name for everything the dose depends on; what is empty is left out."""
        found: dict[str, dict[str, str]] = {}
        self._used = {}
        roles = rolesOf(parameters)
        if parameters.segmentation is not None:
            drawn = self._sources.structures(parameters.segmentation, roles, parameters.ct)
            for segmentId, structure in drawn.items():
                if structure is not None:
                    print_ = f"{roles[segmentId].value} {self._digest(structure, structure.mask)}"
                    print_ += " treated otherwise" if segmentId in parameters.treatedOtherwise else ""
                    found[f"segment {segmentId}"] = {"name": segmentName(parameters, segmentId), "print": print_}
        for pack in parameters.sessions:
            image, _note = imageOf(pack, self._sources)
            if image is not None:
                time = getattr(image, "reference_time", None)
                print_ = f"{pack.values} {time} {self._digest(image, image.image)}"
                found[f"image {pack.label}"] = {"name": pack.image.GetName(), "print": print_}
        if parameters.settings.lungMassG is None and parameters.ct is not None:
            ct = self._sources.ct(parameters.ct)
            found["ct"] = {"name": parameters.ct.GetName(), "print": self._digest(ct, ct.image)}
        found["treatment"] = {"name": "", "print": _short(_treatment(parameters))}
        found["settings"] = {"name": "", "print": _short(_settings(parameters))}
        self._kept = self._used
        return found

    def _digest(self, owner: object, image: sitk.Image) -> str:
        """Return the digest of an image; *owner* is kept with it, so that its identity stays its own."""
        key = id(owner)
        self._used[key] = self._kept.get(key) or (owner, _digestOf(image))
        return self._used[key][1]


def written(prints: dict[str, dict[str, str]]) -> str:
    """Return fingerprints as the parameter node stores them."""
    return json.dumps(prints, sort_keys=True, ensure_ascii=True)


def reasons(stored: str, now: dict[str, dict[str, str]]) -> tuple[str, ...]:
    """Return in words what differs from the fingerprints that were stored; empty when nothing does."""
    before: dict[str, dict[str, str]] = json.loads(stored) if stored else {}
    found = []
    for key in [*before, *(k for k in now if k not in before)]:
        old, new = before.get(key), now.get(key)
        if old is None or new is None or old["print"] != new["print"]:
            found.append(_reason(key, old, new))
    return tuple(found)


def _reason(key: str, old: dict[str, str] | None, new: dict[str, str] | None) -> str:
    kind, _space, label = key.partition(" ")
    if kind == "treatment":
        return _("the treatment was changed")
    if kind == "settings":
        return _("the model settings were changed")
    name = (new or old or {})["name"]
    if kind == "ct":
        return _("the CT '{name}' was changed").format(name=name)
    if kind == "image":
        return _("the image '{name}' of session '{label}' was changed or removed").format(name=name, label=label)
    if new is None:
        return _("'{name}' was removed, emptied or has no role any more").format(name=name)
    if old is None:
        return _("'{name}' is new").format(name=name)
    if old["print"].split()[0] != new["print"].split()[0]:
        return _("'{name}' has another role").format(name=name)
    return _("'{name}' was edited or moved").format(name=name)


def _treatment(parameters: Parameters) -> list:
    return [
        [
            pack.basis,
            pack.delivers,
            pack.image is not None,
            [
                [
                    infusion.perfusedSegmentId,
                    infusion.activityGbq,
                    infusion.calibratedAt,
                    infusion.givenAt,
                    infusion.residualFraction,
                    infusion.lungShuntFraction,
                    infusion.lungShuntFromImage,
                    infusion.tumorToNormalRatio,
                ]
                for infusion in pack.infusions
            ],
        ]
        for pack in parameters.sessions
    ]


def _settings(parameters: Parameters) -> list:
    pack = parameters.settings
    default = Settings()
    return [
        pack.joulePerGbq,
        pack.halfLifeH,
        pack.liverDensityGMl,
        pack.lungMassG,
        pack.doseModel or default.dose_model.value,
        pack.countReference or default.count_reference.value,
    ]


def _short(value: list) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=12).hexdigest()


def _digestOf(image: sitk.Image) -> str:
    """Return a digest of an image's voxels and place."""
    place = np.round([*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection()], PLACE_DIGITS) + 0.0
    digest = hashlib.blake2b(digest_size=12)
    digest.update(repr((image.GetSize(), image.GetPixelIDTypeAsString(), place.tolist())).encode())
    digest.update(np.ascontiguousarray(sitk.GetArrayViewFromImage(image)))
    return digest.hexdigest()
