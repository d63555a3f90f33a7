package io.bianque.agent.binary;

import java.io.IOException;

/** A file that is no ELF file as its header says, or that asks for more than is given to it. */
final class MalformedFile extends IOException {
  private static final long serialVersionUID = 1L;

  MalformedFile(String message) {
    super(message);
  }
}
