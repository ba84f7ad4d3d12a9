import type { Socket } from 'node:net';

/** Node's handle of a socket, as far as it counts bytes; a `Duplex` in its place has none. */
interface SocketHandle {
  /** Bytes handed to it, sent or not. */
  readonly bytesWritten?: number;
  /** Bytes of these that the kernel has not taken yet. */
  readonly writeQueueSize?: number;
}

/** Bytes written to a socket that have not gone to the kernel; 0 once its handle is closed. */
export function unsentBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: SocketHandle | null };
  if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined) return 0;
  return socket.bytesWritten - handle.bytesWritten + handle.writeQueueSize;
}
