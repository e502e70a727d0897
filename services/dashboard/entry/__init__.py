"""The script that Streamlit runs, apart from the pages, or it would take them for its own."""
