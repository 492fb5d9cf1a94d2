@check
def ends_in_time(repository: Repository) -> Findings:
    file = "internal/server/vercel.go"
    found = re.search(r"vercelShutdownTimeout = (\d+) \* time\.Millisecond", repository.text(file))
    place = repository.place("vercelShutdownTimeout = ", file)
    seen = f"{found[1]} ms" if found else "no timeout in milliseconds"
    yield verdict(found and int(found[1]) < 500, seen, "less than 500 ms", place)
    deadline = r"WithTimeout\(.*, vercelShutdownTimeout\)"
    yield repository.shows(deadline, file, seen="the shutdown has it as its deadline", expected="the timeout there")
