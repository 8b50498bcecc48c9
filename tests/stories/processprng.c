/* What the standard library of Rust asks of bcryptprimitives.dll, which wine 8 does
 * not have. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PUCHAR data, SIZE_T length) {
    return RtlGenRandom(data, (ULONG)length);
}
