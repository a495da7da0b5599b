"""Texts of characters that are written differently, without the table of all there are, which takes seconds to make."""

from hypothesis import strategies as st

TEXTS = st.text("aAZ09 _.,:;-+'\"\\/{}[]\0\n\r\t\x1b\x7f\x85ßéeµμ̈ñΩ€·−你\u2028\u202e\ufeff\uffff🙂𝄞")
