import json

from reports.dashboard.charts import dose_chart
from reports.page.chart_rows import DosePoint


def test_the_curve_of_a_property_has_the_theme_s_colours_and_padding_that_streamlit_can_write_into():
    points = [DosePoint(level, "others", "accent", 5 * level, 0.0, 100.0) for level in (1.0, 2.0)]
    spec = dose_chart(points, "brightness", "dark")
    assert [one["level"] for one in spec["datasets"]["rows"]] == [1.0, 2.0]
    assert "#ff9d5f" in json.dumps(spec)
    assert "#0a0b" not in json.dumps(spec)
    assert spec["padding"]["bottom"] == 5
