"""Small packages to start a plug-in from: each installs, passes the contract tests, and runs."""
