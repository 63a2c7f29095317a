from tests.mainline.serving.conftest import binary, multiclass, regression
from tests.servers import s3

__all__ = ["binary", "multiclass", "regression", "s3"]
