"""`python -m deeprl_agents.record RUN_DIRECTORY FILE EPISODES [CORE,...]`: writes a film of greedy episodes.

The first line of stdin is a wish that names the checkpoint. Episodes, progress and faults go to stdout.
Rule: the film gets its name when it is whole.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from deeprl_agents.play import NICE, Ears, Gone, give_way, private_stdout

GIF_FPS, GIF_WIDTH, GIF_FRAMES = 25.0, 480, 1200
HOLD_S = 0.8
"""How long the last picture of an episode stays."""
TELL_EVERY = 50

Image = Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Record. 0 when the film is there, 1 after an error; its text is the last message."""
    folder, target, episodes, *cores = sys.argv[1:] if arguments is None else arguments
    give_way(NICE, [int(core) for core in cores[0].split(",")] if cores and cores[0] else ())
    out, ears = private_stdout(), Ears(0)
    from deeprl_agents.worker import explain
    from deeprl_tui.core.playing import Fault, encode

    part = Path(target).with_name(f".{os.getpid()}-{Path(target).name}")
    try:
        ears.hear(None)
        _film(Path(folder), part, int(episodes), ears, out)
        part.replace(target)
    except (Gone, BrokenPipeError):
        return 0
    except Exception as error:
        out.write(encode(Fault(explain(error))))
        out.flush()
        return 1
    finally:
        part.unlink(missing_ok=True)
    return 0


def _film(folder: Path, part: Path, episodes: int, ears: Ears, out: BinaryIO) -> None:
    import torch

    from deeprl_agents.game import Game
    from deeprl_tui.core.layout import RunPaths
    from deeprl_tui.core.playing import Played, Progress, encode
    from deeprl_tui.core.spec import MAX_SPEC, RunSpec
    from deeprl_tui.errors import DeeprlError

    torch.set_num_threads(1)
    paths = RunPaths(folder)
    with open(paths.spec, "rb") as file:
        spec = RunSpec.from_json(file.read(MAX_SPEC), place=str(paths.spec))
    game = Game(paths, spec, ears.wish.checkpoint)
    game.begin()
    out.write(encode(scene := game.scene()))
    if not scene.width:
        raise DeeprlError(
            scene.blank, place=f"env {spec.env}", remedy="deeprl play --plain tells its returns"
        )

    def frames() -> Iterator[Image]:
        count = 0
        for number in range(episodes):
            if number:
                game.begin()
            while True:
                yield game.frame()
                count += 1
                if count % TELL_EVERY == 0:
                    ears.hear(0.0)
                    out.write(encode(Progress(count)))
                    out.flush()
                if game.over:
                    break
                game.step()
            out.write(encode(Played(game.episode, game.total, game.steps, game.over)))
            last = game.frame()
            for _ in range(round(HOLD_S * game.pace)):
                count += 1
                yield last
        out.write(encode(Progress(count)))
        out.flush()

    write = write_gif if part.suffix.lower() == ".gif" else write_mp4
    write(part, frames(), game.pace)


def write_mp4(path: Path, frames: Iterator[Image], fps: float) -> None:
    """Write an H.264 film of frames of one size. Raises DeeprlError without imageio-ffmpeg."""
    import numpy as np

    from deeprl_tui.errors import DeeprlError

    try:
        import imageio_ffmpeg
    except ImportError:
        raise DeeprlError(
            "needs imageio-ffmpeg", place="mp4", remedy="pip install 'deeprl-tui[video]', or record a .gif"
        ) from None
    first = np.ascontiguousarray(next(frames))
    height, width = (side - side % 2 for side in first.shape[:2])  # H.264 has colors for two pixels at once
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=fps, macro_block_size=1, quality=8, ffmpeg_log_level="error"
    )
    writer.send(None)
    try:
        writer.send(first[:height, :width].tobytes())
        for frame in frames:
            writer.send(frame[:height, :width].tobytes())
    finally:
        writer.close()


def write_gif(path: Path, frames: Iterator[Image], fps: float) -> None:
    """Write an animated picture, smaller and with fewer frames. Raises DeeprlError if it gets too long."""
    import numpy as np
    from PIL import Image as Pictures

    from deeprl_agents.blocks import fit
    from deeprl_tui.errors import DeeprlError

    every = max(1, round(fps / GIF_FPS))
    delay = max(20, round(1000 * every / fps / 10) * 10)  # ms; its clock ticks in hundredths of a second
    shown: list[Any] = []
    for number, frame in enumerate(frames):
        if number % every:
            continue
        if len(shown) == GIF_FRAMES:
            raise DeeprlError(
                f"would have more than {GIF_FRAMES} frames",
                place="gif",
                remedy="record fewer episodes, or an .mp4",
            )
        image = Pictures.fromarray(np.ascontiguousarray(frame))
        size = fit(image.width, image.height, min(GIF_WIDTH, image.width), image.height, tall=1)
        if size != image.size:
            image = image.resize(size, Pictures.Resampling.BOX)
        shown.append(image.quantize(128, dither=Pictures.Dither.NONE))
    shown[0].save(
        path, format="GIF", save_all=True, append_images=shown[1:], duration=delay, loop=0, optimize=False
    )


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # torch takes seconds to leave, and there is nothing to put in order
