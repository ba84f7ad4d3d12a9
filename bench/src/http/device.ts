/** A small object, as an API answers it. */
export const DEVICE = {
  name: 'switch-42',
  site: 'amsterdam',
  rack: 'r12',
  position: 40,
  status: 'active',
  tags: ['core', 'spine'],
};
