"""Tables that are streams of messages: consumed once into segments of Parquet, by offsets that are kept with them."""

from mainline.data.sources.streams import source  # noqa: F401 (it registers the kind)
