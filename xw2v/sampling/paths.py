from dataclasses import dataclass
@dataclass(frozen=True, kw_only=True)
class PathOutput:
    tree: object
    part_blocks: int
