"""The dashboard on ``streamlit run streamlit_app.py -- DIR...``; ``auditor dashboard DIR...`` does the same."""

from reports.dashboard.app import main

main()
