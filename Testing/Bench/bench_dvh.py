"""Dose-volume histograms of ten structures in a 256^3 dose, against numpy, plastimatch and dicompyler-core."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import product
from math import ceil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from rows import Row, best_of, skipped_row, timed_row

from Y90DosimetryLib.dosimetry.dvh import Dvh, dvh_in_box

SIDE = 256
SPACING_MM = 2.0
RADIUS = 30
CENTERS = [*product((48, 128, 208), (64, 192), (72,)), *product((64, 192), (64, 192), (184,))]
WHAT = f"DVH of {len(CENTERS)} structures in {SIDE}^3"
DICOMPYLER = "Y90_DICOMPYLER_PYTHON"


@dataclass(frozen=True)
class _Ball:
    box: tuple[slice, slice, slice]
    weight_ml: np.ndarray


def run() -> list[Row]:
    """Return the rows of this benchmark."""
    dose = _dose_gy()
    balls = [_ball(center) for center in CENTERS]
    ours_s = best_of(7, lambda: [_summarized(dose, ball) for ball in balls])
    dvhs = [_summarized(dose, ball) for ball in balls]
    rows = [_against_numpy(dose, balls, ours_s)]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(_against_plastimatch(Path(folder), dose, balls, dvhs, ours_s))
        rows.append(_against_dicompyler(Path(folder), dose, dvhs, ours_s))
    return rows


def _summarized(dose: np.ndarray, ball: _Ball) -> Dvh:
    dvh = dvh_in_box(dose, ball.weight_ml, ball.box)
    dvh.summary()
    return dvh


def _dose_gy() -> np.ndarray:
    z, y, x = (np.linspace(-1.0, 1.0, SIDE, dtype=np.float32).reshape(s) for s in ((-1, 1, 1), (1, -1, 1), (1, 1, -1)))
    noise = np.random.default_rng(90).random((SIDE, SIDE, SIDE), dtype=np.float32)
    return (300.0 * np.exp(-(z**2) - 2 * y**2 - 3 * x**2) * (0.9 + 0.2 * noise)).astype(np.float32)


def _ball(center: tuple[int, int, int]) -> _Ball:
    box = tuple(slice(c - RADIUS, c + RADIUS + 1) for c in center)
    z, y, x = np.ogrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    inside = z * z + y * y + x * x < RADIUS * RADIUS
    return _Ball(box, (inside * (SPACING_MM**3 / 1000.0)).astype(np.float32))


def _against_numpy(dose: np.ndarray, balls: list[_Ball], ours_s: float) -> Row:
    top = float(np.ceil(dose.max()))
    bins = round(10 * top)
    peer_s = best_of(3, lambda: [np.histogram(dose[b.box], bins, (0.0, top), weights=b.weight_ml) for b in balls])
    return timed_row(WHAT, ours_s, "numpy.histogram, 0.1 Gy bins", peer_s, "", "best of 7 and 3; ours has no bins")


def _against_plastimatch(folder: Path, dose: np.ndarray, balls: list[_Ball], dvhs: list[Dvh], ours_s: float) -> Row:
    peer = "plastimatch dvh, 0.5 Gy bins"
    program = shutil.which("plastimatch")
    if program is None:
        return skipped_row(WHAT, ours_s, peer, "", "no plastimatch on the path")
    bits = np.zeros((*dose.shape, ceil(len(balls) / 8)), dtype=np.uint8)  # one bit a structure
    for number, ball in enumerate(balls):
        bits[(*ball.box, number // 8)] |= ((ball.weight_ml > 0) << (number % 8)).astype(np.uint8)
    for name, array in (("dose.mha", dose), ("structures.mha", bits)):
        image = sitk.GetImageFromArray(array, isVector=array.ndim > 3)
        image.SetSpacing((SPACING_MM,) * 3)
        sitk.WriteImage(image, folder / name)
    (folder / "structures.txt").write_text("".join(f"{n}|255 0 0|ball{n}\n" for n in range(len(balls))))
    command = [program, "dvh", "--input-dose", "dose.mha", "--input-ss-img", "structures.mha"]
    command += ["--input-ss-list", "structures.txt", "--output-csv", "dvh.csv", "--bin-width", "0.5"]
    command += ["--num-bins", "700"]
    try:
        peer_s = best_of(3, lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True))
    except subprocess.CalledProcessError as error:
        return skipped_row(WHAT, ours_s, peer, "", f"it ended with code {error.returncode}")
    with (folder / "dvh.csv").open() as file:
        table = np.array([[float(v) for v in line if v.strip()] for line in list(csv.reader(file))[1:]])
    apart = max(
        abs(np.interp(-0.5, -table[:, column + 1], table[:, 0]) - dvh.d_gy(0.5)) for column, dvh in enumerate(dvhs)
    )
    return timed_row(WHAT, ours_s, peer, peer_s, "", f"whole program, files read; D50 within {apart:.2f} Gy")


def _against_dicompyler(folder: Path, dose: np.ndarray, dvhs: list[Dvh], ours_s: float) -> Row:
    peer, aim = "dicompyler-core get_dvh, 0.01 Gy bins", "at least 100"
    python = os.environ.get(DICOMPYLER)
    if not python:
        reason = f"set {DICOMPYLER} to the Python of an environment with dicompyler-core and pydicom below 3"
        return skipped_row(WHAT, ours_s, peer, aim, reason)
    np.save(folder / "dose.npy", dose)
    plan = {"spacing_mm": SPACING_MM, "radius": RADIUS, "centers": CENTERS}
    (folder / "balls.json").write_text(json.dumps(plan))
    script = Path(__file__).with_name("peer_dicompyler.py")
    done = subprocess.run([python, script, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        return skipped_row(WHAT, ours_s, peer, aim, (done.stderr.strip().splitlines() or ["it failed"])[-1])
    answer = json.loads(done.stdout)
    apart = max(abs(mean - dvh.mean_gy) / dvh.mean_gy for mean, dvh in zip(answer["mean_gy"], dvhs, strict=True))
    note = f"best of 7 and 1, files already read; mean doses within {apart:.2%}"
    return timed_row(WHAT, ours_s, peer, answer["seconds"], aim, note)
