/* Starts a program of a story on Windows:
 *
 *   launch.exe [NAME=VALUE]... -- PROGRAM [ARGUMENT]...
 *
 * It sets variables that wine sets otherwise, gives the program a console in which
 * keys can be pressed, and when it is ended, so is the program.
 *
 * STORY_KEYS names a file: "c" in it presses Ctrl-C once, "b" Ctrl-Break.
 * STORY_HOLD names a file that nobody else can open for the first 400 ms. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

static HANDLE is_held;

static int fail(const char *what) {
    fprintf(stderr, "launch: %s: error %lu\n", what, GetLastError());
    return 125;
}

static BOOL WINAPI ignore(DWORD event) {
    (void)event;
    return TRUE;
}

/* The key that a file names; it is pressed once. */
static char key_in(const wchar_t *path) {
    FILE *file = _wfopen(path, L"rb");
    if (!file) return 0;
    int key = fgetc(file);
    fclose(file);
    if (key == EOF) return 0;
    _wremove(path);
    return (char)key;
}

static BOOL press(DWORD event, HANDLE process) {
    if (GenerateConsoleCtrlEvent(event, 0)) return TRUE;
    /* Wine 8 passes no Ctrl-Break on. This is the thread that Windows starts for it. */
    FARPROC routine = GetProcAddress(GetModuleHandleW(L"kernelbase.dll"), "CtrlRoutine");
    if (!routine) return FALSE;
    void *argument = (void *)(ULONG_PTR)event;
    return CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)routine, argument, 0, NULL) != NULL;
}

static DWORD WINAPI hold(void *path) {
    HANDLE file = CreateFileW(path, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    SetEvent(is_held);
    Sleep(400);
    CloseHandle(file);
    return 0;
}

/* A console of its own, while the streams stay what they are. */
static BOOL give_console(HANDLE streams[3]) {
    static const DWORD names[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    FreeConsole();
    BOOL given = AllocConsole();
    for (int i = 0; i < 3; i++) SetStdHandle(names[i], streams[i]);
    return given && SetConsoleCtrlHandler(ignore, TRUE);
}

int wmain(int count, wchar_t **words) {
    wchar_t keys[1024] = L"", held[1024] = L"";
    for (int at = 1; at < count && wcscmp(words[at], L"--"); at++) {
        wchar_t *value = wcschr(words[at], L'=');
        if (!value) return fail("a word without =");
        *value++ = 0;
        if (!wcscmp(words[at], L"STORY_KEYS")) wcsncpy(keys, value, 1023);
        else if (!wcscmp(words[at], L"STORY_HOLD")) wcsncpy(held, value, 1023);
        else SetEnvironmentVariableW(words[at], *value ? value : NULL);
    }
    wchar_t *line = wcsstr(GetCommandLineW(), L" -- ");
    if (!line) return fail("no program");

    HANDLE streams[3] = {GetStdHandle(STD_INPUT_HANDLE), GetStdHandle(STD_OUTPUT_HANDLE), GetStdHandle(STD_ERROR_HANDLE)};
    if (*keys && !give_console(streams)) return fail("console");
    if (*held) {
        is_held = CreateEventW(NULL, TRUE, FALSE, NULL);
        CreateThread(NULL, 0, hold, held, 0, NULL);
        WaitForSingleObject(is_held, INFINITE);
    }

    HANDLE job = CreateJobObjectW(NULL, NULL);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (!SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)) return fail("job");
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES,
        .hStdInput = streams[0], .hStdOutput = streams[1], .hStdError = streams[2]};
    PROCESS_INFORMATION child;
    if (!CreateProcessW(NULL, line + 4, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) return fail("start");
    AssignProcessToJobObject(job, child.hProcess);

    while (WaitForSingleObject(child.hProcess, *keys ? 20 : INFINITE) == WAIT_TIMEOUT) {
        char key = key_in(keys);
        if (key && !press(key == 'b' ? CTRL_BREAK_EVENT : CTRL_C_EVENT, child.hProcess)) return fail("key");
    }
    DWORD code = 125;
    GetExitCodeProcess(child.hProcess, &code);
    return (int)code;
}
