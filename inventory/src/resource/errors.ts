import type { FieldErrors } from './model.ts';

/** A request that is refused. The error handlers of API and pages answer it. */
export class RequestError extends Error {
  readonly statusCode: number;
  /** Messages by field, if the input is wrong. */
  readonly fields: FieldErrors | undefined;

  constructor(statusCode: number, message: string, fields?: FieldErrors) {
    super(message);
    this.name = 'RequestError';
    this.statusCode = statusCode;
    this.fields = fields;
  }
}

/** Returns the error for an unknown id. */
export function notFound(): RequestError {
  return new RequestError(404, 'Not found.');
}

/** Returns the error for invalid input. */
export function invalid(fields: FieldErrors): RequestError {
  return new RequestError(400, 'Some fields are not valid.', fields);
}
