"""The dashboard on ``streamlit run streamlit_app.py -- DIR...``; ``auditor dashboard DIR...`` does the same."""

from starlette.middleware import Middleware
from streamlit import App

from reports.dashboard.guard import Guard
from reports.dashboard.launch import PAGE

app = App(PAGE, middleware=[Middleware(Guard, names=["localhost"])])
