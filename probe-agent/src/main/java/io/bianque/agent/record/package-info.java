/**
 * Recordings: what an agent would have published, in one file, and played to a broker later.
 * docs/recordings.md describes the file.
 *
 * <p>A machine without the right to load BPF can run the whole pipeline on a recording; a test gets
 * the same real events each time.
 */
package io.bianque.agent.record;
