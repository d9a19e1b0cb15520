/*
 * The switch for x86-64 (System V).
 *
 * Comes from fiber.c; leaves on another stack. Saved on the stack that is left, from its saved
 * pointer upwards: mxcsr and the x87 control word (8 bytes), r15 r14 r13 r12 rbx rbp, the return
 * address.
 *
 * A switch leaves by pop and jmp instead of ret: the processor predicts a ret by the calls it has
 * seen, and those were made on the other stack (14 ns for a pair of switches against 27). The one
 * exception is the end of a fiber, which mostly never waited: there calls and returns do pair, and
 * whatever returns after us is predicted right only if we return too.
 *
 * A shadow stack would not agree with any of this, hence the note at the end, which promises
 * indirect branch tracking (notrack, endbr64) and no shadow stack.
 *
 * The control words are loaded only when they differ; the exception flags (the low six bits of
 * mxcsr) are not preserved, as by any function.
 */
    .text

    .macro save_context
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    .cfi_remember_state
    .endm

    .macro restore register
    popq    \register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endm

    .macro restore_registers
    addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    restore %r15
    restore %r14
    restore %r13
    restore %r12
    restore %rbx
    restore %rbp
    .endm

/* Into rax: mxcsr without its flags, and above it the x87 control word. */
    .macro read_control at
    stmxcsr \at(%rsp)
    fnstcw  \at+4(%rsp)
    movzwl  \at+4(%rsp), %ecx
    movl    \at(%rsp), %eax
    shlq    $32, %rcx
    andl    $0xffffffc0, %eax
    orq     %rcx, %rax
    .endm

    .macro function name
    .globl  \name
    .hidden \name
    .type   \name, @function
    .p2align 4
\name:
    .cfi_startproc
    endbr64
    .endm

    .macro finish name
    .cfi_endproc
    .size   \name, . - \name
    .endm

/* uint64_t sl__switch_control(void) */
    function sl__switch_control
    read_control -8             /* in the red zone */
    ret
    finish sl__switch_control

/* void sl__switch_resume(void **save, void *to, uint64_t control) */
    function sl__switch_resume
    save_context
    movq    %rdx, (%rsp)
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp          /* the layout is the same over there, so the CFI stays true */
    cmpq    (%rsp), %rdx
    jne     1f
0:  restore_registers
    popq    %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    notrack jmp *%rcx
    .cfi_restore_state
1:  ldmxcsr (%rsp)
    fldcw   4(%rsp)
    jmp     0b
    finish sl__switch_resume

/* void sl__switch(void **save, void *to) */
    function sl__switch
    save_context
    read_control 0
    movq    %rax, (%rsp)
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp
    cmpq    (%rsp), %rax
    jne     1f
0:  restore_registers
    popq    %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    notrack jmp *%rcx
    .cfi_restore_state
1:  ldmxcsr (%rsp)
    fldcw   4(%rsp)
    jmp     0b
    finish sl__switch

/* void sl__switch_start(void **save, void *top, void *(*entry)(void *arg), void *arg,
 *                       uint64_t control, void *low) */
    function sl__switch_start
    save_context
    movq    %r8, (%rsp)
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp
    .cfi_undefined %rip         /* nobody called the entry: backtraces end here */
    .cfi_undefined %rbp
    xorl    %ebp, %ebp          /* and so do those that follow frame pointers */
    movq    %rcx, %rdi
    call    *%rdx
    movq    %rax, %rsp
    .cfi_restore_state
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    restore_registers
    ret
    finish sl__switch_start

    .section .note.gnu.property, "a", @note
    .p2align 3
    .long   4                   /* length of the name */
    .long   16                  /* length of the description */
    .long   5                   /* NT_GNU_PROPERTY_TYPE_0 */
    .string "GNU"
    .long   0xc0000002          /* GNU_PROPERTY_X86_FEATURE_1_AND */
    .long   4
    .long   1                   /* IBT, and not SHSTK (2) */
    .long   0

    .section .note.GNU-stack, "", @progbits
