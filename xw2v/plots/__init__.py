"""Pictures of a training run and of its vectors: figures of Matplotlib, without pyplot."""

from xw2v.plots.heatmap import heatmap_figure
from xw2v.plots.layouts import project
from xw2v.plots.loss import loss_figure, plot_loss
from xw2v.plots.norms import norms_figure
from xw2v.plots.rendering import FORMATS, picture_format, render
from xw2v.plots.word_map import map_figure

__all__ = [
    "FORMATS",
    "heatmap_figure",
    "loss_figure",
    "map_figure",
    "norms_figure",
    "picture_format",
    "plot_loss",
    "project",
    "render",
]
