/*
 * The switch for 64-bit ARM (AAPCS64).
 *
 * Comes from fiber.c; leaves on another stack. Saved on the stack that is left, from its saved
 * pointer upwards: x19 to x28, the frame pointer x29, the return address x30, the low halves of v8
 * to v15 and the floating-point control register: 176 bytes.
 *
 * A switch leaves by br and not by ret, which would be predicted by the calls made on the other
 * stack, wrongly (but for the end of a fiber: see switch_x86_64.S). Where branch targets are enforced (BTI), only a ret may land behind a call: such a build
 * gets the ret, and the note that says it is fit for it.
 */
#if defined(__ARM_FEATURE_BTI_DEFAULT) && __ARM_FEATURE_BTI_DEFAULT == 1
#define ENTRY hint #34 /* bti c */
#define LEAVE ret
#else
#define ENTRY
#define LEAVE br x30
#endif

    .text

    .macro save_pair first, second, at
    stp     \first, \second, [sp, #\at]
    .cfi_rel_offset \first, \at
    .cfi_rel_offset \second, \at + 8
    .endm

    .macro restore_pair first, second, at
    ldp     \first, \second, [sp, #\at]
    .cfi_restore \first
    .cfi_restore \second
    .endm

/* The control is in x5. */
    .macro save_context
    sub     sp, sp, #176
    .cfi_adjust_cfa_offset 176
    save_pair x19, x20, 0
    save_pair x21, x22, 16
    save_pair x23, x24, 32
    save_pair x25, x26, 48
    save_pair x27, x28, 64
    save_pair x29, x30, 80
    save_pair d8, d9, 96
    save_pair d10, d11, 112
    save_pair d12, d13, 128
    save_pair d14, d15, 144
    str     x5, [sp, #160]
    mov     x6, sp
    str     x6, [x0]
    .endm

/* From the stack pointer's new place; the control that is now in force is in x5. */
    .macro restore_context
    ldr     x7, [sp, #160]
    cmp     x7, x5
    b.eq    0f
    msr     fpcr, x7            /* slow, and hardly ever different */
0:
    restore_pair x19, x20, 0
    restore_pair x21, x22, 16
    restore_pair x23, x24, 32
    restore_pair x25, x26, 48
    restore_pair x27, x28, 64
    restore_pair x29, x30, 80
    restore_pair d8, d9, 96
    restore_pair d10, d11, 112
    restore_pair d12, d13, 128
    restore_pair d14, d15, 144
    add     sp, sp, #176
    .cfi_adjust_cfa_offset -176
    .endm

    .macro function name
    .globl  \name
    .hidden \name
    .type   \name, %function
    .p2align 4
\name:
    .cfi_startproc
    ENTRY
    .endm

    .macro finish name
    .cfi_endproc
    .size   \name, . - \name
    .endm

/* uint64_t sl__switch_control(void) */
    function sl__switch_control
    mrs     x0, fpcr
    ret
    finish sl__switch_control

/* void sl__switch_resume(void **save, void *to, uint64_t control) */
    function sl__switch_resume
    mov     x5, x2
    save_context
    mov     sp, x1              /* the layout is the same over there, so the CFI stays true */
    restore_context
    LEAVE
    finish sl__switch_resume

/* void sl__switch(void **save, void *to) */
    function sl__switch
    mrs     x5, fpcr
    save_context
    mov     sp, x1
    restore_context
    LEAVE
    finish sl__switch

/* void sl__switch_start(void **save, void *top, void *(*entry)(void *arg), void *arg,
 *                       uint64_t control, void *low) */
    function sl__switch_start
    mov     x5, x4
    save_context
    mov     sp, x1
    .cfi_remember_state
    .cfi_undefined x30          /* nobody called the entry: backtraces end here */
    .cfi_undefined x29
    mov     x29, #0             /* and so do those that follow frame pointers */
    mov     x30, #0
    mov     x0, x3
    blr     x2
    mov     sp, x0
    .cfi_restore_state
    mrs     x5, fpcr
    restore_context
    ret                         /* a fiber that never waited: here calls and returns do pair */
    finish sl__switch_start

#if defined(__ARM_FEATURE_BTI_DEFAULT) && __ARM_FEATURE_BTI_DEFAULT == 1
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4                   /* length of the name */
    .long   16                  /* length of the description */
    .long   5                   /* NT_GNU_PROPERTY_TYPE_0 */
    .string "GNU"
    .long   0xc0000000          /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
    .long   4
    .long   1                   /* BTI */
    .long   0
#endif

    .section .note.GNU-stack, "", %progbits
