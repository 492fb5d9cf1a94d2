@check
def ends_in_time(repository: Repository) -> Findings:
    closes = r'^process\.once\("SIGTERM", \(\) => app\.close\(\)\);$'
    yield repository.shows(closes, "src/index.ts", seen="SIGTERM closes the app", expected="app.close() at once")
