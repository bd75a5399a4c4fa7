"""What a run computed with, and how it is told that it changed."""

from pathlib import Path

from deeprl_agents.fingerprint import differences, fingerprint

CPUINFO = """processor\t: 0
vendor_id\t: {vendor}
flags\t\t: fpu {flags}

processor\t: 1
"""


def of(folder: Path, vendor: str, flags: str, **environ: str) -> dict[str, str]:
    """The fingerprint of another machine."""
    path = folder / "cpuinfo"
    path.write_text(CPUINFO.format(vendor=vendor, flags=flags))
    return fingerprint(environ, path)


def test_the_processor_is_its_vendor_and_level(tmp_path: Path) -> None:
    """Two models of a level are alike; another level or vendor is not."""
    avx2, avx512 = "sse4_2 avx2 fma", "sse4_2 avx2 fma avx512f avx512dq avx512vl avx512bw"
    assert of(tmp_path, "GenuineIntel", avx512)["processor"] == "GenuineIntel avx512f"
    assert of(tmp_path, "AuthenticAMD", avx2 + " sha")["processor"] == "AuthenticAMD avx2"
    assert of(tmp_path, "GenuineIntel", "sse4_2 avx512f")["processor"] == "GenuineIntel sse4_2"


def test_a_machine_without_cpuinfo_has_a_fingerprint(tmp_path: Path) -> None:
    """Another system than Linux is named by its architecture."""
    assert fingerprint({}, tmp_path / "none")["processor"]


def test_it_holds_the_kernel_the_threads_and_the_packages() -> None:
    """Each of them can change a last bit."""
    assert {"kernel", "threads", "cpu", "python", "torch", "numpy", "gymnasium"} <= fingerprint().keys()


def test_switches_of_the_environment_belong_to_it(tmp_path: Path) -> None:
    """A switch that was set for one attempt only is named, with both values."""
    with_it = of(tmp_path, "x", "avx2 fma", MKL_CBWR="AVX2", HOME="/root")
    without = of(tmp_path, "x", "avx2 fma")
    assert differences(without, with_it) == "MKL_CBWR none → AVX2"
    assert differences(with_it, with_it) == ""
