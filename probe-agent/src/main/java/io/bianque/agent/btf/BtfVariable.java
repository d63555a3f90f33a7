package io.bianque.agent.btf;

/**
 * A global variable of an object file.
 *
 * @param offset in bytes from the begin of its section, which is the value of the section's
 *     one-element map
 * @param size in bytes
 * @param constVolatile whether it is declared {@code const volatile}: a tunable, set before the
 *     program is loaded
 */
public record BtfVariable(String name, int offset, int size, BtfType type, boolean constVolatile) {}
