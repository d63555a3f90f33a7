package io.bianque.agent.btf;

/**
 * BTF, or the ELF file around it, that cannot be read: says which file, at which offset, and what
 * was found there.
 */
public final class BtfException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BtfException(String message) {
    super(message);
  }

  BtfException(String message, Throwable cause) {
    super(message, cause);
  }
}
