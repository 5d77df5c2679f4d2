"""The dashboard: an audit in the browser, with Streamlit. The only home of Streamlit."""
