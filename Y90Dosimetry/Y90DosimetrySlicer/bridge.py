"""MRML to domain and back: the only file that knows RAS.

Slicer's world is RAS, the library's is LPS, both in millimeters. What lies under a linear transform is taken
where it is shown, exactly as if the transform were hardened; what lies under a bending one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from scipy import ndimage
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from Y90DosimetryLib.errors import GeometryError, InputError
from Y90DosimetryLib.images import ActivityMap, CountMap, CtImage, DoseMap, Zeroed, without_negatives
from Y90DosimetryLib.io.case_keys import IMAGE_VALUES
from Y90DosimetryLib.structures import Role, Structure

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From RAS to LPS and from LPS to RAS."""

UNITS_ATTRIBUTE = "Y90Dosimetry.Units"
MODEL_ATTRIBUTE = "Y90Dosimetry.Model"
RIGID_TOLERANCE_FRACTION = 1e-3
"""By how much products of a rigid transform's axes may differ from 0 and 1: a matrix in a file is rounded."""
SPACING_DIGITS = 9
"""Decimals of millimeters: what a matrix makes of a spacing differs from it in the last bits of a double."""
GY = ("Gy", "UCUM", "Gray")
ABSORBED_DOSE = ("128513", "DCM", "Absorbed Dose")
BINARY_LABELMAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


@dataclass(frozen=True)
class Geometry:
    """Where voxels lie: spacing, origin and direction in LPS millimeters, as SimpleITK has them."""

    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]

    @classmethod
    def ofMatrix(cls, ijkToRas: np.ndarray, first: tuple[int, int, int]) -> Geometry:
        """Return the geometry of a block of voxels from its 4 x 4 matrix and its first index."""
        matrix = FLIP @ ijkToRas
        spacing = np.round(np.linalg.norm(matrix[:3, :3], axis=0), SPACING_DIGITS)
        axes = matrix[:3, :3] / spacing
        origin = matrix @ (*first, 1.0)
        return cls(_floats(spacing), _floats(origin[:3]), _floats(axes.ravel()))

    @classmethod
    def ofImage(cls, image: sitk.Image) -> Geometry:
        """Return the geometry of an image."""
        return cls(image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    def ijkToRas(self) -> np.ndarray:
        """Return the 4 x 4 matrix from voxel index to RAS."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(self.direction).reshape(3, 3) * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return FLIP @ matrix

    def image(self, array: np.ndarray) -> sitk.Image:
        """Return an image of these voxels (shape (z, y, x)); the voxels are copied once."""
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin(self.origin_mm)
        image.SetDirection(self.direction)
        return image


@dataclass(frozen=True)
class Stamp:
    """Tells whether voxels or their place changed while Slicer runs; a VTK time is never given twice."""

    modified: int
    matrix: tuple[float, ...]


def rasOf(point_mm: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return a point of the library (LPS) where Slicer has it (RAS), in millimeters."""
    x, y, z = point_mm
    return -x, -y, z


# Volumes


def stampOf(volume: slicer.vtkMRMLScalarVolumeNode) -> Stamp:
    """Return the stamp of a volume as it is shown.

    Raises
    ------
    InputError
        If it has no voxels, or lies under a transform that bends.
    """
    data = volume.GetImageData()
    if data is None or data.GetPointData().GetScalars() is None:
        raise InputError(
            _("it holds no voxels"), where=volume.GetName(), remedy=_("Load the image again, or choose another one")
        )
    return Stamp(data.GetMTime(), _floats(_volumeMatrix(volume).ravel()))


def imageOf(volume: slicer.vtkMRMLScalarVolumeNode) -> sitk.Image:
    """Return a volume as a SimpleITK image where it is shown; its voxels are copied once.

    Raises
    ------
    InputError
        If it has no voxels, is in color, or lies under a transform that bends.
    """
    stampOf(volume)
    data = volume.GetImageData()
    if data.GetNumberOfScalarComponents() != 1:
        raise InputError(
            _("the image is in color"),
            where=volume.GetName(),
            remedy=_("Choose the quantitative series, not a screenshot"),
        )
    return _geometry(_volumeMatrix(volume), data).image(_voxels(data))


def ctOf(volume: slicer.vtkMRMLScalarVolumeNode) -> CtImage:
    """Return a volume as CT in HU."""
    refuseStretch(volume)
    return CtImage(imageOf(volume))


def uptakeOf(
    volume: slicer.vtkMRMLScalarVolumeNode, values: str, referenceTime: datetime | None
) -> tuple[CountMap | ActivityMap, str]:
    """Return a volume as counts or as Bq/mL, with a note on what was changed (empty when nothing was).

    Parameters
    ----------
    values
        What the voxels hold, a key of `IMAGE_VALUES`.
    referenceTime
        The moment the activity holds for; None when it is corrected to the infusion, and for counts.
    """
    refuseStretch(volume)
    name = volume.GetName()
    scale_bq_ml = IMAGE_VALUES[values]
    image, count, share = without_negatives(imageOf(volume), name)
    note = ""
    if count:
        note = _("{name}: {count} negative voxels ({share:.2f} % of the positive total) set to 0")
        note = Zeroed(note.format(name=name, count=count, share=100 * share))
    if scale_bq_ml is None:
        return CountMap(image), note
    if scale_bq_ml != 1.0:
        image = sitk.Cast(image, sitk.sitkFloat32) * scale_bq_ml
    return ActivityMap(image, referenceTime), note


def _volumeMatrix(volume) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return _toWorld(volume) @ _array(matrix)


def _toWorld(node) -> np.ndarray:
    """Return the 4 x 4 matrix of all transforms above a node."""
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    if not transform.IsTransformToWorldLinear():
        raise InputError(
            _("it lies under the transform '{name}', which bends").format(name=transform.GetName()),
            where=node.GetName(),
            remedy=_("Harden the transform on it (Data or Transforms module), so that it is resampled"),
        )
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return _array(matrix)


def refuseStretch(node) -> None:
    """Raise `InputError` where transforms above a node stretch or skew it: volumes and activities would change."""
    axes = _toWorld(node)[:3, :3]
    if np.abs(axes.T @ axes - np.eye(3)).max() > RIGID_TOLERANCE_FRACTION:
        said = _("it lies under the transform '{name}', which is not rigid (volumes times {share:.3g})")
        said = said.format(name=node.GetParentTransformNode().GetName(), share=abs(np.linalg.det(axes)))
        remedy = _("Use a rigid transform; or harden it, if sizes are meant to change")
        raise InputError(said, where=node.GetName(), remedy=remedy)


# Segments


def segmentStamp(node: slicer.vtkMRMLSegmentationNode, segmentId: str) -> Stamp:
    """Return the stamp of a segment; segments of one layer share it."""
    segment = node.GetSegmentation().GetSegment(segmentId)
    source = segment.GetRepresentation(node.GetSegmentation().GetSourceRepresentationName())
    matrix = _toWorld(node)
    return Stamp(source.GetMTime() if source is not None else 0, _floats(matrix.ravel()))


def structuresOf(
    node: slicer.vtkMRMLSegmentationNode,
    roles: Mapping[str, Role],
    reference: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> dict[str, Structure | None]:
    """Return the segments that have a role, each cut to its bounding box on its own grid; None when it is empty.

    Segments that are surfaces are put on the segmentation's reference grid or, where it has none, that of
    *reference*; the scene stays as it is.

    Raises
    ------
    InputError, GeometryError
        If the segmentation lies under a transform that bends or skews, or a segment can't be made a labelmap.
    """
    refuseStretch(node)
    toWorld = _toWorld(node)
    layers: dict[str, list] = {}
    found: dict[str, Structure | None] = {}
    for segmentId, role in roles.items():
        segment = node.GetSegmentation().GetSegment(segmentId)
        labelmap, value = _labelmap(node, segmentId, reference)
        if labelmap is None or labelmap.IsEmpty():
            found[segmentId] = None
            continue
        array = _voxels(labelmap)
        address = labelmap.GetAddressAsString("vtkObject")
        if address not in layers:
            layers[address] = ndimage.find_objects(array)
        box = layers[address][value - 1] if 0 < value <= len(layers[address]) else None
        found[segmentId] = None
        if box is not None:
            matrix = vtk.vtkMatrix4x4()
            labelmap.GetImageToWorldMatrix(matrix)
            extent = labelmap.GetExtent()
            first = tuple(box[2 - axis].start + extent[2 * axis] for axis in range(3))
            place = Geometry.ofMatrix(toWorld @ _array(matrix), first)
            inside = np.ascontiguousarray(array[box] == value).view(np.uint8)
            found[segmentId] = Structure(role, segment.GetName(), place.image(inside))
    return found


def writeMask(node: slicer.vtkMRMLSegmentationNode, segmentId: str, mask: sitk.Image) -> None:
    """Make a mask the content of a segment, in a layer of its own: no other segment is touched."""
    segmentation = node.GetSegmentation()
    matrix = np.linalg.inv(_toWorld(node)) @ Geometry.ofImage(mask).ijkToRas()
    image = orientedImage(sitk.GetArrayViewFromImage(mask), matrix)
    segmentation.SeparateSegmentLabelmap(segmentId)
    segmentation.GetSegment(segmentId).GetRepresentation(BINARY_LABELMAP).DeepCopy(image)
    segmentation.GetSegment(segmentId).SetLabelValue(1)
    _announce(node, segmentId)


def orientedImage(array: np.ndarray, ijkToRas: np.ndarray) -> slicer.vtkOrientedImageData:
    """Return voxels as Slicer's segments hold them; the voxels are copied once."""
    image = slicer.vtkOrientedImageData()
    _setVoxels(image, array)
    image.SetImageToWorldMatrix(_matrix(ijkToRas))
    return image


def copyOfSegment(node: slicer.vtkMRMLSegmentationNode, segmentId: str) -> slicer.vtkSegment:
    """Return a copy of a segment that stands in no segmentation, with a labelmap of its own (not shared)."""
    source = node.GetSegmentation().GetSegment(segmentId)
    copy = slicer.vtkSegment()
    copy.DeepCopy(source)
    return copy


def restoreSegment(node: slicer.vtkMRMLSegmentationNode, segmentId: str, copy: slicer.vtkSegment) -> None:
    """Put the content of a copy back into a segment, in a layer of its own; only its voxels are replaced."""
    segmentation = node.GetSegmentation()
    segmentation.SeparateSegmentLabelmap(segmentId)
    before, labelmap = _labelmapOf(copy), segmentation.GetSegment(segmentId).GetRepresentation(BINARY_LABELMAP)
    labelmap.DeepCopy(before)
    if not before.IsEmpty():
        array = _voxels(labelmap)
        np.copyto(array, array == copy.GetLabelValue(), casting="unsafe")
    segmentation.GetSegment(segmentId).SetLabelValue(1)
    _announce(node, segmentId)


def _announce(node, segmentId: str) -> None:
    segmentation = node.GetSegmentation()
    segmentation.GetSegment(segmentId).GetRepresentation(BINARY_LABELMAP).Modified()
    segmentation.InvalidateNonSourceRepresentations()
    segmentation.GetSegment(segmentId).Modified()
    node.Modified()


def _labelmapOf(segment):
    return segment.GetRepresentation(BINARY_LABELMAP)


def _labelmap(node, segmentId: str, reference):
    """Return the image that holds a segment, and the segment's value in it; a converted copy of a surface."""
    segmentation = node.GetSegmentation()
    segment = segmentation.GetSegment(segmentId)
    source = segmentation.GetSourceRepresentationName()
    if source == BINARY_LABELMAP:
        return _labelmapOf(segment), segment.GetLabelValue()
    if segment.GetRepresentation(source) is None:
        return None, 0
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(source)
    copy.CopyConversionParameters(segmentation)
    grid = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    if not copy.GetConversionParameter(grid) and reference is not None:
        matrix = np.linalg.inv(_toWorld(node)) @ _volumeMatrix(reference)
        extent = reference.GetImageData().GetExtent()
        copy.SetConversionParameter(
            grid, slicer.vtkSegmentationConverter.SerializeImageGeometry(_matrix(matrix), list(extent))
        )
    copy.CopySegmentFromSegmentation(segmentation, segmentId)
    if not copy.GetConversionParameter(grid) or not copy.CreateRepresentation(BINARY_LABELMAP):
        raise GeometryError(
            _("it is a surface, and there is no voxel grid to put it on"),
            where=segment.GetName(),
            remedy=_("Choose the CT, or convert the segmentation to binary labelmap in the Segmentations module"),
        )
    converted = copy.GetSegment(segmentId)
    return _labelmapOf(converted), converted.GetLabelValue()


# Dose


def writeDose(dose: DoseMap, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Make a volume node hold a dose map, in Gy, with quantity and units as coded entries.

    The unit is written as an attribute too: a coded entry is saved with the scene, but not in an NRRD file.
    """
    data = vtk.vtkImageData()
    _setVoxels(data, sitk.GetArrayViewFromImage(dose.image))
    with slicer.util.NodeModify(volume):
        volume.SetAndObserveTransformNodeID(None)
        volume.SetIJKToRASMatrix(_matrix(Geometry.ofImage(dose.image).ijkToRas()))
        volume.SetAndObserveImageData(data)
        setUnits(volume, ABSORBED_DOSE, GY)
        volume.SetAttribute(MODEL_ATTRIBUTE, dose.model)


def setUnits(volume: slicer.vtkMRMLScalarVolumeNode, quantity: tuple[str, ...] | None, units: tuple[str, ...]) -> None:
    """Say what a volume's voxels mean: quantity (None where no public code names it) and units.

    Each is a code value, its scheme and its meaning.
    """
    for code, setter in ((quantity, volume.SetVoxelValueQuantity), (units, volume.SetVoxelValueUnits)):
        if code is not None:
            entry = slicer.vtkCodedEntry()
            entry.SetValueSchemeMeaning(*code)
            setter(entry)
    volume.SetAttribute(UNITS_ATTRIBUTE, units[0])


def writeImage(image: sitk.Image, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Make a volume node hold an image."""
    data = vtk.vtkImageData()
    _setVoxels(data, sitk.GetArrayViewFromImage(image))
    volume.SetIJKToRASMatrix(_matrix(Geometry.ofImage(image).ijkToRas()))
    volume.SetAndObserveImageData(data)


# VTK and numpy


def _geometry(ijkToRas: np.ndarray, data: vtk.vtkImageData) -> Geometry:
    extent = data.GetExtent()
    return Geometry.ofMatrix(ijkToRas, (extent[0], extent[2], extent[4]))


def _voxels(data: vtk.vtkImageData) -> np.ndarray:
    """Return the voxels as a view, shape (z, y, x)."""
    return vtk_to_numpy(data.GetPointData().GetScalars()).reshape(data.GetDimensions()[::-1])


def _setVoxels(data: vtk.vtkImageData, array: np.ndarray) -> None:
    data.SetDimensions(array.shape[::-1])
    data.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))


def _array(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])


def _matrix(array: np.ndarray) -> vtk.vtkMatrix4x4:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(array.ravel())
    return matrix


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
