"""The interactive slices of the report, in a real browser and as the numbers they carry."""

import base64
import json
import re
import shutil
import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from Y90DosimetryLib import assess, write_report
from Y90DosimetryLib.geometry import center_mm
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.phantom import PhantomSettings, digital_patient
from Y90DosimetryLib.report import viewer
from Y90DosimetryLib.structures import Role, Structure

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def assessment():
    return assess(digital_patient(PhantomSettings(ct_spacing_mm=(3.0, 3.0, 4.0))).case())


@pytest.fixture(scope="module")
def report(assessment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(assessment, folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, report):
    requests, faults = [], []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(report.as_uri())
    page.wait_for_selector("#viewer:not([hidden])")
    yield page
    assert not faults
    assert not [url for url in requests if not url.startswith(("file:", "data:"))], "nothing is asked from anywhere"
    page.close()


def data_of(html: str) -> dict:
    return json.loads(re.search(r'id="viewer-data">(.*?)</script>', html, re.DOTALL)[1])


def values(packed: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype=kind)


def dose_in_file(report, point) -> float:
    dose = sitk.ReadImage(str(report.with_name("dose.nrrd")))
    return float(dose[dose.TransformPhysicalPointToIndex(point)])


def shown_gy(page) -> float:
    page.wait_for_timeout(150)
    return float(re.search(r"dose ([\d.]+) Gy", page.inner_text(".viewer-reading"))[1])


def test_the_dose_read_at_a_voxel_is_that_of_the_dose_map(page, report, assessment):
    for structure in assessment.case.structures:
        if structure.role not in (Role.TUMOR, Role.PERFUSED):
            continue
        point = [float(v) for v in center_mm(structure)]
        page.evaluate("point => document.getElementById('viewer').viewer.goTo(point)", point)
        assert shown_gy(page) == pytest.approx(dose_in_file(report, point), rel=0.01, abs=0.05)


def test_where_no_dose_is_computed_none_is_read(page):
    page.evaluate("() => document.getElementById('viewer').viewer.goTo([200, -200, 200])")
    page.wait_for_timeout(150)
    assert "dose not computed here" in page.inner_text(".viewer-reading")


def test_wheel_and_keys_scroll_and_a_click_places_the_cross_hair(page):
    axial = page.locator("#viewer canvas").first

    def place():
        return page.evaluate("() => document.getElementById('viewer').viewer.state.point")

    before = place()
    axial.hover()
    page.mouse.wheel(0, 120)
    page.wait_for_timeout(150)
    assert place()[2] < before[2]
    axial.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(150)
    assert place() == pytest.approx(before)
    axial.click(position={"x": 40, "y": 40})
    assert place()[:2] != before[:2]
    assert place()[2] == pytest.approx(before[2])


def test_outlines_and_dose_are_shown_and_hidden(page):
    def picture():
        return page.evaluate("() => document.querySelector('#viewer canvas').toDataURL()")

    first = picture()
    page.get_by_label("Tumor 1").first.uncheck()
    page.wait_for_timeout(200)
    without_tumor = picture()
    assert without_tumor != first
    page.get_by_label("Over the anatomy").select_option("none")
    page.wait_for_timeout(200)
    assert picture() != without_tumor


def test_the_histogram_reads_out_under_the_pointer_and_hides_curves(page):
    lines = page.locator(".viewer-dvh polyline")
    count = lines.count()
    page.locator(".viewer-dvh svg").hover(position={"x": 300, "y": 100})
    assert re.search(r"Tumor 1: V\d+ \d+ %, D\d+ \d+ Gy", page.inner_text(".viewer-values"))
    page.locator(".viewer-curves").get_by_label("Tumor 1").uncheck()
    assert page.locator(".viewer-dvh polyline").count() == count - 1


def test_a_row_leads_to_its_lesion(page, assessment):
    tumor = [s for s in assessment.case.structures if s.role is Role.TUMOR][-1]
    page.locator("td.viewer-row", has_text=tumor.label).first.click()
    page.wait_for_timeout(300)
    assert page.evaluate("() => document.getElementById('viewer').viewer.state.point") == pytest.approx(
        center_mm(tumor), abs=0.01
    )


def test_in_print_and_without_script_the_pictures_stand_in_its_place(browser, report, page):
    page.emulate_media(media="print")
    assert page.locator(".still").is_visible()
    assert not page.locator("#viewer").is_visible()
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(report.as_uri())
    assert plain.locator(".still").is_visible()
    assert not plain.locator("#viewer").is_visible()


def test_no_other_script_may_run(report):
    html = report.read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert html.count("<script>") == 1
    assert not re.search(r"<[^>]+\son\w+=", html), "no handler in an attribute"


def test_outlines_keep_their_volume_and_the_ct_its_values(report, assessment):
    data = data_of(report.read_text(encoding="utf-8"))
    voxel_ml = np.prod(data["spacing"]) / 1000
    for structure in assessment.case.structures:
        if structure.role is Role.LUNGS:
            continue  # cut at the field that is shown
        [packed] = [s["mask"] for s in data["structures"] if s["label"] == structure.label]
        volume = values(packed, "u1").astype(float).sum() / 255 * voxel_ml
        assert volume == pytest.approx(structure.volume_ml, rel=0.03), structure.label
    nx, ny, nz = data["size"]
    steps = np.cumsum(values(data["ct"], "<i2").reshape(nz, ny, nx), axis=2)
    x, y, z = (
        round((v - o) / s) for v, o, s in zip(data["structures"][0]["at"], data["origin"], data["spacing"], strict=True)
    )
    ct = assessment.case.ct.image
    point = [o + i * s for o, i, s in zip(data["origin"], (x, y, z), data["spacing"], strict=True)]
    hu = ct[ct.TransformPhysicalPointToIndex(point)]
    assert steps[z, y, x] * 2.0 - 1000.0 == pytest.approx(hu, abs=40), "the neighborhood of one voxel"


def test_a_large_ct_is_thinned_to_what_a_page_can_carry():
    ct = sitk.Image((512, 512, 60), sitk.sitkInt16)
    ct.SetSpacing((0.8, 0.8, 5.0))
    mask = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(ct)
    mask[20:490, 20:490, 2:58] = 1
    html = viewer.viewer_html(
        ct, Missing("withheld"), None, [Structure(Role.LIVER, "Liver </script>", mask)], {}, (), 1.0
    )
    data = data_of(html)
    assert np.prod(data["size"]) <= viewer.MOST_VOXELS
    assert data["structures"][0]["label"] == "Liver </script>", "a label ends no script"
    assert data["dose"] is None
