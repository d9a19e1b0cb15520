/*
 * A function that only assembly can be: fills every register that a called function must preserve
 * from a seed, calls, and looks whether they are still there. Also the floating-point control by
 * hand, so that no mathematics library is needed.
 */
#ifndef TEST_FIBER_REGISTERS_H
#define TEST_FIBER_REGISTERS_H

#include <stdint.h>

/** Calls call(arg); 1 if all registers survived, 0 if not. */
int registers_survive(void (*call)(void *arg), void *arg, uint64_t seed);

#if defined(__x86_64__)
__asm__(".text\n"
        ".p2align 4\n"
        ".globl registers_survive\n"
        ".type registers_survive, @function\n"
        "registers_survive:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    movq %rdx, (%rsp)\n"
        "    leaq 1(%rdx), %rbx\n"
        "    leaq 2(%rdx), %rbp\n"
        "    leaq 3(%rdx), %r12\n"
        "    leaq 4(%rdx), %r13\n"
        "    leaq 5(%rdx), %r14\n"
        "    leaq 6(%rdx), %r15\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    call *%rax\n"
        "    movq (%rsp), %rdx\n"
        "    subq %rdx, %rbx\n"
        "    subq %rdx, %rbp\n"
        "    subq %rdx, %r12\n"
        "    subq %rdx, %r13\n"
        "    subq %rdx, %r14\n"
        "    subq %rdx, %r15\n"
        "    xorl %eax, %eax\n"
        "    cmpq $1, %rbx\n"
        "    jne 1f\n"
        "    cmpq $2, %rbp\n"
        "    jne 1f\n"
        "    cmpq $3, %r12\n"
        "    jne 1f\n"
        "    cmpq $4, %r13\n"
        "    jne 1f\n"
        "    cmpq $5, %r14\n"
        "    jne 1f\n"
        "    cmpq $6, %r15\n"
        "    jne 1f\n"
        "    movl $1, %eax\n"
        "1:  addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size registers_survive, . - registers_survive\n");

/* Rounding of both units, and flush to zero, which only the newer one has. */
static inline uint64_t read_control(void)
{
    uint16_t x87;
    uint32_t sse;

    __asm__ volatile("fnstcw %0" : "=m"(x87));
    __asm__ volatile("stmxcsr %0" : "=m"(sse));
    return (uint64_t)x87 << 32 | (sse & 0xffc0);
}

static inline void write_control(uint64_t control)
{
    uint16_t x87 = (uint16_t)(control >> 32);
    uint32_t sse = (uint32_t)control;

    __asm__ volatile("fldcw %0" : : "m"(x87));
    __asm__ volatile("ldmxcsr %0" : : "m"(sse));
}

#define CONTROL_ROUND_UP(c) ((c) | UINT64_C(0x4000) | UINT64_C(0x800) << 32)
#define CONTROL_OTHER(c) ((c) | UINT64_C(0x8000)) /* flush to zero, the x87 word unchanged */

#elif defined(__aarch64__)
__asm__(".text\n"
        ".p2align 4\n"
        ".globl registers_survive\n"
        ".type registers_survive, %function\n"
        "registers_survive:\n"
        "    stp x29, x30, [sp, #-176]!\n"
        "    stp x19, x20, [sp, #16]\n"
        "    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n"
        "    stp x25, x26, [sp, #64]\n"
        "    stp x27, x28, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    str x2, [sp, #160]\n"
        "    add x19, x2, #1\n"
        "    add x20, x2, #2\n"
        "    add x21, x2, #3\n"
        "    add x22, x2, #4\n"
        "    add x23, x2, #5\n"
        "    add x24, x2, #6\n"
        "    add x25, x2, #7\n"
        "    add x26, x2, #8\n"
        "    add x27, x2, #9\n"
        "    add x28, x2, #10\n"
        "    add x29, x2, #11\n"
        "    fmov d8, x19\n"
        "    fmov d9, x20\n"
        "    fmov d10, x21\n"
        "    fmov d11, x22\n"
        "    fmov d12, x23\n"
        "    fmov d13, x24\n"
        "    fmov d14, x25\n"
        "    fmov d15, x26\n"
        "    mov x9, x0\n"
        "    mov x0, x1\n"
        "    blr x9\n"
        "    ldr x2, [sp, #160]\n"
        "    mov x0, #0\n"
        ".irp r, 19,20,21,22,23,24,25,26,27,28,29\n"
        "    sub x3, x\\r, x2\n"
        "    cmp x3, #(\\r - 18)\n"
        "    b.ne 1f\n"
        ".endr\n"
        ".irp r, 8,9,10,11,12,13,14,15\n"
        "    fmov x3, d\\r\n"
        "    sub x3, x3, x2\n"
        "    cmp x3, #(\\r - 7)\n"
        "    b.ne 1f\n"
        ".endr\n"
        "    mov x0, #1\n"
        "1:  ldp x19, x20, [sp, #16]\n"
        "    ldp x21, x22, [sp, #32]\n"
        "    ldp x23, x24, [sp, #48]\n"
        "    ldp x25, x26, [sp, #64]\n"
        "    ldp x27, x28, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    ldp x29, x30, [sp], #176\n"
        "    ret\n"
        ".size registers_survive, . - registers_survive\n");

static inline uint64_t read_control(void)
{
    uint64_t control;

    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

static inline void write_control(uint64_t control)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
}

#define CONTROL_ROUND_UP(c) ((c) | UINT64_C(1) << 22)
#define CONTROL_OTHER(c) ((c) | UINT64_C(1) << 24) /* flush to zero */

#else /* elsewhere only ucontext is used, which is not ours to test */
int registers_survive(void (*call)(void *arg), void *arg, uint64_t seed)
{
    (void)seed;
    call(arg);
    return 1;
}

static inline uint64_t read_control(void)
{
    return 0;
}

static inline void write_control(uint64_t control)
{
    (void)control;
}

#define CONTROL_ROUND_UP(c) (c)
#define CONTROL_OTHER(c) (c)
#endif

#endif
