package io.bianque.agent.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** What kept a file from being read or written, in words. */
public final class FileTrouble {
  private FileTrouble() {}

  /** The JDK's own message is often the file's name alone, and the trouble in the class's name. */
  public static String words(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + ": no such file or folder";
      case AccessDeniedException denied -> denied.getFile() + ": permission denied";
      case FileSystemException other when other.getReason() != null -> other.getMessage();
      case FileSystemException other -> other.getFile() + ": " + other.getClass().getSimpleName();
      case CharacterCodingException _ -> "not text in UTF-8";
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
