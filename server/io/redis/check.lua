
if not current(self, epoch) then
    return {'epoch'}
end
